# image: tools
# The cheapest call that is answered, 200000 times: the way to the supervisor and back, and nothing else.
perl -e 'for (1 .. 200000) { $x = $< }'
