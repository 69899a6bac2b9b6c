class SGD:
    def __init__(self, parameters, lr):
        self.defaults = {"lr": lr}
        self.param_groups = [{"params": list(parameters), "lr": lr}]

    def step(self, gradient):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.subtract(group["lr"] * gradient)


def create_optimizer_v2(model, opt="sgd", lr=None, weight_decay=0.0):
    return SGD(model.parameters(), lr)
