module builderaikits.com/sdk/beside

go 1.24

require builderaikits.com/sdk v0.1.0
