"""One module per panel of the page. A view draws what a session holds and changes nothing in a market."""
