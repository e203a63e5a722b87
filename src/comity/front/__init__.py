"""Where agencies connect: bytes become frames, frames go to the origin face in batches."""
