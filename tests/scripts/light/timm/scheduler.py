class Scheduler:
    def __init__(self, optimizer, epochs):
        self.optimizer = optimizer
        self.epochs = epochs
        self.peak = optimizer.defaults["lr"]

    def step(self, epoch, metric=None):
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * (1 - epoch / (self.epochs + 1))


def create_scheduler_v2(optimizer, sched="cosine", num_epochs=3, warmup_epochs=0, min_lr=0.0):
    return Scheduler(optimizer, num_epochs), num_epochs
