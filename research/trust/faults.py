"""What can go wrong around a training, each as something to do to it: in its script, its folder or its surroundings.

A fault is done to the training by itself and to the recorded one alike. Where nothing is wrong with us, both end alike.
"""

from __future__ import annotations

from research.trust.after import FAULTS_AFTER
from research.trust.before import FAULTS_BEFORE
from research.trust.beside import FAULTS_BESIDE

FAULTS = [*FAULTS_BEFORE, *FAULTS_AFTER, *FAULTS_BESIDE]
