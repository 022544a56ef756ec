"""From a radiograph of any size to the canvas that the network sees, and into shards."""
