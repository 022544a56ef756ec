"""The network: backbones, pooling, the classifier, its weights, batched inference."""
