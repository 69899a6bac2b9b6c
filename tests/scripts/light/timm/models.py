import numpy as np


class Parameter:
    def __init__(self, values):
        self.values = values
        self.device = type("device", (), {"type": "cpu"})
        self._version = 0

    def numel(self):
        return self.values.size

    def subtract(self, change):
        self.values -= change
        self._version += 1


class SoftmaxRegression:
    training = True

    def __init__(self, num_classes, drop_rate):
        self.num_classes = num_classes
        self.drop_rate = drop_rate
        self.weight = Parameter(np.zeros((64, num_classes)))

    def parameters(self):
        return [self.weight]

    def probabilities(self, images):
        scores = images @ self.weight.values
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def create_model(model_name, pretrained=False, checkpoint_path=None, num_classes=10, drop_rate=0.0):
    return SoftmaxRegression(num_classes, drop_rate)
