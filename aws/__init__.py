"""Thin clients of AWS that several rooms need; every call has a time limit."""
