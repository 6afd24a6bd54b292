package rules

import (
	"cmp"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// A feed is a key that opens one door only: its holder has the role FEED or SCORECARD_FEED (decision 0018).

// feedRoles are the roles of feeds, by what they read.
var feedRoles = map[pb.FeedKind]pb.Role{
	pb.FeedKind_FEED_KIND_CALENDAR: pb.Role_ROLE_FEED, pb.FeedKind_FEED_KIND_SCORECARD: pb.Role_ROLE_SCORECARD_FEED,
}

// IsFeed says whether a role is that of a feed, whose secret stands in a URL.
func IsFeed(role pb.Role) bool {
	return role == pb.Role_ROLE_FEED || role == pb.Role_ROLE_SCORECARD_FEED
}

// createFeed makes a feed of the caller's party.
func (d *Decision) createFeed(c *pb.CreateFeedRequest) error {
	by, feed := d.stamp.By, c.GetFeed()
	var wrong []Violation
	if v := checkName("feed.display_name", feed.GetDisplayName()); v != nil {
		wrong = append(wrong, *v)
	}
	if by.PartyID == "" || feed.GetPartyId() != "" && feed.GetPartyId() != by.PartyID {
		wrong = append(wrong, Violation{"feed.party_id", "a member makes feeds of its own party: leave it empty"})
	}
	if wrong != nil {
		return Invalid(wrong...)
	}
	holder := &pb.Principal{Role: feedRoles[cmp.Or(feed.GetKind(), pb.FeedKind_FEED_KIND_CALENDAR)], PartyId: by.PartyID}
	if id := feed.GetAgreementId(); id != "" {
		if !by.Sees(d.State.agreement(id)) {
			return NotFound("agreement", id)
		}
		holder.AgreementIds = []string{id}
	}
	id, refused := d.newID(c.GetFeedId(), "feed_", "feed", apiKeyRef)
	if refused != nil {
		return refused
	}
	key, secret := d.issue(id, feed.GetDisplayName(), holder)
	d.Answer = &pb.CreateFeedResponse{Feed: FeedOf(key), Secret: secret}
	d.Remembered = &pb.CreateFeedResponse{Feed: FeedOf(key)}
	return nil
}

// revokeFeed closes a feed of the caller's party.
func (d *Decision) revokeFeed(c *pb.RevokeFeedRequest) error {
	ref := apiKeyRef(c.GetFeedId())
	key := get[*journalv1.StoredKey](d.State, ref).GetApiKey()
	if !d.stamp.By.SeesFeed(key) {
		return NotFound("feed", c.GetFeedId())
	}
	if e := d.matchEtag(key.GetEtag()); e != nil {
		return e
	}
	d.revoke(key)
	d.Answer = FeedOf(get[*journalv1.StoredKey](d.State, ref).GetApiKey())
	return nil
}

// SeesFeed says whether a key is a feed of the caller's party.
func (c Caller) SeesFeed(k *pb.ApiKey) bool {
	return IsFeed(k.GetPrincipal().GetRole()) && k.GetPrincipal().GetPartyId() == c.PartyID
}

// FeedOf is a feed as its party sees it: the same record that its operator sees as a key.
func FeedOf(k *pb.ApiKey) *pb.Feed {
	f := &pb.Feed{
		FeedId: k.GetApiKeyId(), PartyId: k.GetPrincipal().GetPartyId(), DisplayName: k.GetDisplayName(), State: pb.FeedState_FEED_STATE_ACTIVE,
		CreateTime: k.GetCreateTime(), UpdateTime: k.GetUpdateTime(), Etag: k.GetEtag(),
	}
	for kind, role := range feedRoles {
		if role == k.GetPrincipal().GetRole() {
			f.Kind = kind
		}
	}
	for _, id := range k.GetPrincipal().GetAgreementIds() { // one or none
		f.AgreementId = id
	}
	if k.GetState() == pb.ApiKeyState_API_KEY_STATE_REVOKED {
		f.State = pb.FeedState_FEED_STATE_REVOKED
	}
	return f
}
