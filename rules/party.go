package rules

import (
	"strings"

	"go.einride.tech/aip/fieldmask"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxNameRunes bounds the names of parties and keys, so that a list stays readable.
const MaxNameRunes = 200

func (d *Decision) createParty(c *pb.CreatePartyRequest) error {
	if v := checkName("party.display_name", c.GetParty().GetDisplayName()); v != nil {
		return Invalid(*v)
	}
	id, refused := d.newID(c.GetPartyId(), "pty_", "party", partyRef)
	if refused != nil {
		return refused
	}
	d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_PartyRegistered{PartyRegistered: &pb.PartyRegistered{
		PartyId: id, DisplayName: c.GetParty().GetDisplayName(),
	}}})
	d.answer(partyRef(id))
	return nil
}

func (d *Decision) updateParty(c *pb.UpdatePartyRequest) error {
	ref := partyRef(c.GetPartyId())
	old := get[*pb.Party](d.State, ref)
	if old == nil {
		return NotFound("party", c.GetPartyId())
	}
	if e := d.matchEtag(old.GetEtag()); e != nil {
		return e
	}
	if e := checkMask(c.GetUpdateMask(), &pb.Party{}, "display_name"); e != nil {
		return e
	}
	next := proto.CloneOf(old)
	fieldmask.Update(c.GetUpdateMask(), next, &pb.Party{DisplayName: c.GetParty().GetDisplayName()})
	if v := checkName("party.display_name", next.GetDisplayName()); v != nil {
		return Invalid(*v)
	}
	if next.GetDisplayName() != old.GetDisplayName() {
		d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_PartyUpdated{PartyUpdated: &pb.PartyUpdated{
			PartyId: c.GetPartyId(), DisplayName: next.GetDisplayName(),
		}}})
	}
	d.answer(ref)
	return nil
}

func (s *State) partyRegistered(e *pb.Event, c *pb.PartyRegistered) {
	s.Put(partyRef(c.GetPartyId()), &pb.Party{
		PartyId: c.GetPartyId(), DisplayName: c.GetDisplayName(),
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

func (s *State) partyUpdated(e *pb.Event, c *pb.PartyUpdated) {
	edit(s, partyRef(c.GetPartyId()), func(p *pb.Party) {
		p.DisplayName, p.UpdateTime, p.Etag = c.GetDisplayName(), e.GetRecordTime(), etag(e)
	})
}

func checkName(field, name string) *Violation {
	switch {
	case strings.TrimSpace(name) == "":
		return &Violation{field, "say what people call it"}
	case len([]rune(name)) > MaxNameRunes:
		return &Violation{field, "at most 200 characters"}
	}
	return nil
}

// checkMask refuses paths that do not exist in m, and those outside the fields that may be changed.
func checkMask(mask *fieldmaskpb.FieldMask, m proto.Message, allowed ...string) *Error {
	var violations []Violation
	for _, path := range mask.GetPaths() {
		if path == "*" {
			if len(mask.GetPaths()) > 1 {
				violations = append(violations, Violation{"update_mask", `"*" stands alone`})
			}
			continue
		}
		ok := false
		for _, a := range allowed {
			ok = ok || path == a || strings.HasPrefix(path, a+".")
		}
		if err := fieldmask.Validate(&fieldmaskpb.FieldMask{Paths: []string{path}}, m); err != nil || !ok {
			violations = append(violations, Violation{"update_mask", "\"" + path + "\" cannot be changed; these can: " + strings.Join(allowed, ", ")})
		}
	}
	if violations != nil {
		return Invalid(violations...)
	}
	return nil
}
