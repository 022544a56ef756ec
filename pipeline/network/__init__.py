"""The network: backbones, the classifier, weights, device, batched inference, test-time augmentation."""
