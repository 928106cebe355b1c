"""Rivers, learned from the flow at gauges on a tree of reaches."""
