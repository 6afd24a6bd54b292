package bench

import (
	"context"
	"time"

	"github.com/concordhq/concord/client"
)

// dialTimeout is how long the first connections may take: a service that is just starting is waited for.
const dialTimeout = 10 * time.Second

// lines are the connections that the callers share.
type lines []*client.Client

// connect opens the connections. Calls are made once each: an answer that took a second attempt would be a figure about
// the client.
func connect(ctx context.Context, s Settings) (lines, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	options := s.Options
	options.Attempts, options.Wait = 1, true
	var all lines
	for range s.Connections {
		c, err := client.Dial(ctx, s.Addr, options)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// of is the connection that a caller uses.
func (l lines) of(caller int) *client.Client { return l[caller%len(l)] }

func (l lines) close() {
	for _, c := range l {
		_ = c.Close()
	}
}
