"""Where runs leave their evidence: raw bytes by content, tables, a journal that only grows."""
