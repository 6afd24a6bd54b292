// Command concord is how people and scripts speak to a Concord service from a shell. It is organised as the product is:
// by noun, then by verb, so that "concord obligation submit" is the obligor's word that a promise is done and "concord
// proposal accept" is a side's consent to an exact text. Every command is one or a few calls of the public API, made
// through the Go client; there is nothing it may do that another program with the same key may not.
//
// It prints tables for people, and with -o json the API's own messages: a single thing as one object, a list as one
// object per line. It ends with 0 when done, 1 when refused or failed, and 2 when the command line makes no sense.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks; with the handler gone, a second one ends at once.
	context.AfterFunc(ctx, stop)
	s := &session{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv}
	os.Exit(s.run(ctx, os.Args[1:]))
}
