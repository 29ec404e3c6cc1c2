"""What several sidebars share."""

NOTE = """
p { font-size: 12px; line-height: 1.4; margin: 0; color: color-mix(in srgb, currentColor 75%, transparent); }
"""
