"""From any picture to the portrait frame: points, frames, pose."""
