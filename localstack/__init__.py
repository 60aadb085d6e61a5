"""Everything that makes AWS local."""
