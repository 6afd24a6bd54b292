package rules

import (
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// createFeed makes a calendar feed.
func (d *Decision) createFeed(*pb.CreateFeedRequest) error {
	return unsupported("make a calendar feed")
}

// revokeFeed closes a calendar feed.
func (d *Decision) revokeFeed(*pb.RevokeFeedRequest) error {
	return unsupported("revoke a calendar feed")
}
