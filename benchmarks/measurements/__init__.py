"""What is measured, a module each: ``measure(bench)`` gives the figures of its goals."""
