"""The network: backbones, pooling, the classifier, its weights, and how it is asked."""
