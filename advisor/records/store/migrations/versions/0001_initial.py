"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "datasets",
        sa.Column("dataset_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=True),
        sa.Column("group", sa.String(), autoincrement=False, nullable=True),
        sa.Column("n_train", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("n_eval", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("n_classes", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("features", sa.JSON(), autoincrement=False, nullable=True),
        sa.Column("features_version", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("dataset_id"),
    )
    op.create_table(
        "epochs",
        sa.Column("run_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lr", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("train_loss", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("train_top1", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("eval_loss", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("eval_top1", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("eval_top5", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("ema_eval_top1", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("seconds", sa.Float(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "epoch"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), autoincrement=False, nullable=True),
        sa.Column("status", sa.String(), autoincrement=False, nullable=True),
        sa.Column("error", sa.String(), autoincrement=False, nullable=True),
        sa.Column("resumed_from", sa.String(), autoincrement=False, nullable=True),
        sa.Column("started_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("host", sa.String(), autoincrement=False, nullable=True),
        sa.Column("pid", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("name", sa.String(), autoincrement=False, nullable=True),
        sa.Column("dataset_id", sa.String(), autoincrement=False, nullable=True),
        sa.Column("dataset_name", sa.String(), autoincrement=False, nullable=True),
        sa.Column("n_train", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("n_eval", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("n_classes", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("model", sa.String(), autoincrement=False, nullable=True),
        sa.Column("pretrained", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("num_params", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("img_size", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("opt", sa.String(), autoincrement=False, nullable=True),
        sa.Column("sched", sa.String(), autoincrement=False, nullable=True),
        sa.Column("warmup_epochs", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("min_lr", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("lr", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("batch_size", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("epochs", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("dropout", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("weight_decay", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("drop_path", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("label_smoothing", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("mixup", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("cutmix", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("augment", sa.String(), autoincrement=False, nullable=True),
        sa.Column("amp", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("ema", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("seed", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("world_size", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("grad_accum_steps", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("metric", sa.String(), autoincrement=False, nullable=True),
        sa.Column("metric_higher_is_better", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("best_metric", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("best_epoch", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("final_metric", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("epochs_done", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("train_seconds", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("samples_per_second", sa.Float(), autoincrement=False, nullable=True),
        sa.Column("peak_memory", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("device", sa.String(), autoincrement=False, nullable=True),
        sa.Column("out_of_memory", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("versions", sa.JSON(), autoincrement=False, nullable=True),
        sa.Column("script", sa.String(), autoincrement=False, nullable=True),
        sa.Column("git_commit", sa.String(), autoincrement=False, nullable=True),
        sa.Column("suggestion_id", sa.String(), autoincrement=False, nullable=True),
        sa.Column("extra", sa.JSON(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_runs_dataset_id", "runs", ["dataset_id"], unique=False)
    op.create_index("ix_runs_started_at", "runs", ["started_at"], unique=False)
    op.create_table(
        "spools",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "suggestions",
        sa.Column("suggestion_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("dataset_id", sa.String(), autoincrement=False, nullable=True),
        sa.Column("model", sa.String(), autoincrement=False, nullable=True),
        sa.Column("suggestion", sa.JSON(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("suggestion_id"),
    )
