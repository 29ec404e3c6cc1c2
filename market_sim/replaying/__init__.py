"""Recorded markets as flow: captures of an exchange's feed, replayed with or without agents."""
