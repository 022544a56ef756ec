/* Browsers start no worker of a page that is read from the disk. There, search runs in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      const ready = new Promise(resolve => frame.addEventListener("load", resolve, { once: true }))
      frame.hidden = true
      frame.srcdoc = "<!doctype html><title>Search</title>"
      document.body.append(frame)
      this.inside = ready.then(() => new Promise((resolve, reject) => {
        const inside = frame.contentWindow
        inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
        inside.importScripts = (...urls) => Promise.all(urls.map(each => load(inside, each)))
        load(inside, url).then(() => resolve(inside), reject)
      }))
    }

    postMessage(data) {
      this.inside.then(inside => inside.dispatchEvent(new MessageEvent("message", { data })))
    }
  }
}

function load(inside, url) {
  return new Promise((resolve, reject) => {
    const script = inside.document.createElement("script")
    script.src = new URL(url, location.href)
    script.addEventListener("load", resolve)
    script.addEventListener("error", reject)
    inside.document.head.append(script)
  })
}
