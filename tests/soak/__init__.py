"""A simulated year of nights, lived twice: undisturbed, and with faults drawn at random.

Both lives ask the twin of four providers through the real SDKs, every night, for a bill that grows
and is put right as bills are. After the last night every figure of both must be the same.

    python -m tests.soak --nights 365 --seed 4
"""
