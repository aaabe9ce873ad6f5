# image: tools
# Nothing at all: what a step costs before its first command and after its last.
