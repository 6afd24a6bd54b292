// Package others has Concord's log checked by programs that others wrote, as their authors released them: Tessera's fsck,
// Torchwood's client and the witness litewitness. It holds nothing but tests. They build concordd and the programs, start
// them on loopback, and let each find what it is made to find; a log that is made by hand shows first that it can.
//
// It is a module of its own, so that nothing these programs need becomes a need of Concord, and it imports nothing of
// Concord's either: it speaks to concordd by HTTP and by the command line, as anybody would.
//
//	go -C proof/others test ./...
package others
