package rules

import (
	"fmt"
	"slices"
	"strings"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// erasePrivateData orders that what people wrote in some events be gone. The order is an event like any other; that the
// private parts go with it, and what repeats them, is the journal's to see to. An event without a private part has nothing
// to lose, and one that was erased nothing more: so that an order may be repeated.
func (d *Decision) erasePrivateData(c *pb.ErasePrivateDataRequest) error {
	id := c.GetAgreementId()
	newest := d.State.Version(id)
	if newest == 0 {
		return NotFound("agreement", id)
	}
	var wrong []Violation
	for i, v := range c.GetVersions() {
		if v < 1 || v > newest {
			wrong = append(wrong, Violation{fmt.Sprintf("versions[%d]", i), fmt.Sprintf("there is no event %d: the newest is %d", v, newest)})
		}
	}
	if len(c.GetVersions()) == 0 {
		wrong = append(wrong, Violation{"versions", "name the events by their versions"})
	}
	if strings.TrimSpace(c.GetBasis()) == "" {
		wrong = append(wrong, Violation{"basis", "say by what right"})
	}
	if wrong != nil {
		return Invalid(wrong...)
	}
	versions := slices.Clone(c.GetVersions())
	slices.Sort(versions)
	versions = slices.Compact(versions)
	d.emit(id, pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_PrivateDataErased{PrivateDataErased: &pb.PrivateDataErased{
		Versions: versions, Basis: c.GetBasis(),
	}}})
	d.Answer = &pb.ErasePrivateDataResponse{AgreementId: id, Version: d.State.Version(id), Versions: versions}
	return nil
}

// privateDataErased changes no record: the history that it stands in is without those texts when it is read.
func (s *State) privateDataErased(e *pb.Event, c *pb.PrivateDataErased) {
	newest := s.Version(e.GetAgreementId())
	if newest == 0 || slices.ContainsFunc(c.GetVersions(), func(v uint64) bool { return v > newest }) {
		s.fail(Refuse(pb.ErrorReason_ERROR_REASON_INTERNAL, "The history erases what it does not have: %v of %q.", c.GetVersions(), e.GetAgreementId()))
	}
}

// fewVersions is how many versions a sentence names, and not just counts.
const fewVersions = 10

func erasedWords(c *pb.PrivateDataErased) string {
	if n := len(c.GetVersions()); n > fewVersions {
		return fmt.Sprintf("What people wrote in %d events, from %d to %d, was erased: %s", n, c.GetVersions()[0], c.GetVersions()[n-1], c.GetBasis())
	}
	which := strings.ReplaceAll(strings.Trim(fmt.Sprint(c.GetVersions()), "[]"), " ", ", ")
	return fmt.Sprintf("What people wrote in event %s was erased: %s", which, c.GetBasis())
}
