"""One folder per provider: what trueup knows of it, as data. See ``adapter.provider``."""
