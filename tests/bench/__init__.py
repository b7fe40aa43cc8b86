"""What a step costs here and elsewhere: the same network and stimulus on this project's engines and on others'.

`grid` says which networks, `network` draws them, `workers` and `peers/` run each simulator in a process of its own,
`agreement` compares what they said, `rounds` times them in turn, `limit` computes what the machine could do at best,
`latency` asks the stepping interface, `table` and `plot` show it all.
"""
