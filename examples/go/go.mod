module builderaikits.com/sdk/examples

go 1.24

require builderaikits.com/sdk v0.1.0
