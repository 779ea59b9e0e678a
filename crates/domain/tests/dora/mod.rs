//! DORA's five metrics: by hand on small tables, and worked out a second time over a whole story.
