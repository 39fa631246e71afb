"""OpenRAIL-M style licences from structured restrictions that a child keeps from its parents."""
