"""One query's life as pure steps: what the origin sends, what the answering state decides and says.

`origin` turns a message into exchanges and a `query` leaf; `answering` turns an exchange, a policy
and a record into an answer and its leaves; `review` what a verdict or an expired clock makes of a
hold. Nothing here reads a clock, a store or a network.
"""
