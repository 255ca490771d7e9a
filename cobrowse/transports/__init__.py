"""How bytes move between a browser and the hub: each transport opens a `Connection`, feeds and empties it."""
