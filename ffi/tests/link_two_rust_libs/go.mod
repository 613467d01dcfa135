module builderaikits.com/sdk/linktest

go 1.24

require builderaikits.com/sdk v0.1.0
