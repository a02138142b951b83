package restart

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/restart/disk"
)

func TestMarksThatCameAfterTheRequestSurvive(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"same", "rewritten", "replaced", "gone"} {
		s.drop(firstMarks+"/"+name, "")
	}
	marks := s.marks("current")
	if len(marks) != 4 {
		t.Fatalf("got %v", marks)
	}
	s.drop(firstMarks+"/rewritten", "rewritten since")
	s.touch(firstMarks + "/rewritten") // the kernel's clock for files may not have moved
	s.put(firstMarks + "/replaced")
	s.remove(firstMarks + "/gone")
	s.drop(firstMarks+"/fresh", "")
	newer := s.marks("current")
	if left, err := RemoveMarks(disk.Own, marks); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	got := strings.Split(s.reasons("current"), ", ")
	slices.Sort(got)
	if want := []string{"fresh", "replaced", "rewritten since"}; !slices.Equal(got, want) {
		t.Errorf("%q are there, want %q", got, want)
	}
	for _, mark := range s.marks("current") {
		if !slices.Contains(newer, mark) {
			t.Errorf("%s is another than before", mark.Path)
		}
	}
}

func TestAMarkCannotBeDatedBack(t *testing.T) {
	s := newSite(t)
	requested := time.Now().Add(-lag)
	s.drop(firstMarks+"/a", "")
	s.must(os.Chtimes(s.path(firstMarks+"/a"), time.Time{}, time.Unix(1e9, 0)))
	mark := s.marks("current")[0]
	if mark.At.Before(requested) || mark.At.After(time.Now().Add(lag)) {
		t.Errorf("it came at %v", mark.At)
	}
}

func TestNoMoreThanAThousandMarksAreLookedAt(t *testing.T) {
	s := newSite(t)
	for range disk.MostMarks + 1 {
		s.must(WriteMark(disk.Own, s.path("current"), "again"))
	}
	for _, want := range []int{disk.MostMarks, 1, 0} {
		marks := s.marks("current")
		if len(marks) != want {
			t.Errorf("got %d marks, want %d", len(marks), want)
		}
		_, err := RemoveMarks(disk.Own, marks)
		s.must(err)
	}
}

func TestMarksThatCannotBeRemovedAreTold(t *testing.T) {
	s := newSite(t)
	s.must(WriteMark(disk.Own, s.path("current"), "libssl"))
	marks := s.marks("current")
	s.must(os.Chmod(s.path(firstMarks), 0o500))
	s.asOther(func() {
		if left, err := RemoveMarks(disk.Own, marks); err == nil || len(left) != 1 || left[0] != marks[0] {
			t.Errorf("left %v, %v", left, err)
		}
	})
	s.must(os.Chmod(s.path(firstMarks), 0o755))
	if got := s.reasons("current"); got != "libssl" {
		t.Errorf("%q is there", got)
	}
}

// However close to its removal a mark is replaced, the new one stays.
func TestAMarkIsNotRemovedInPlaceOfAnother(t *testing.T) {
	s := newSite(t)
	s.make(firstMarks + "/libssl")
	for i := range 500 {
		fresh := s.path("fresh")
		s.must(os.WriteFile(fresh, fmt.Appendln(nil, i), 0o644))
		marks := s.marks("current")
		replaced := make(chan error)
		go func() { replaced <- os.Rename(fresh, s.path(firstMarks+"/libssl")) }()
		_, err := RemoveMarks(disk.Own, marks)
		s.must(err)
		s.must(<-replaced)
		if got := s.reasons("current"); got != fmt.Sprint(i) {
			t.Fatalf("marks are %q, want %d", got, i)
		}
	}
}
