module builderaikits.com/sdk/plans

go 1.24

require builderaikits.com/sdk v0.1.0
