package kinds

import (
	"fmt"
	"strconv"
	"strings"
)

// An interval is a run of pod numbers of an indexed job, both ends included.
type interval struct{ first, last int32 }

// parseIndexes reads numbers in the form "1,3-5,7", which must rise and be less
// than completions. With an error it returns no intervals.
func parseIndexes(text string, completions int32) ([]interval, error) {
	if text == "" {
		return nil, nil
	}
	var found []interval
	for _, part := range strings.Split(text, ",") {
		next, err := parseInterval(part, completions)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && found[len(found)-1].last >= next.first {
			return nil, fmt.Errorf("non-increasing order, previous: %d, current: %d", found[len(found)-1].last, next.first)
		}
		found = append(found, next)
	}
	return found, nil
}

func parseInterval(text string, completions int32) (interval, error) {
	ends := strings.Split(text, "-")
	if len(ends) > 2 {
		return interval{}, fmt.Errorf("the fragment %q violates the requirement that an index interval can have at most two parts separated by '-'", text)
	}
	first, err := parseIndex(ends[0], completions)
	if err != nil || len(ends) == 1 {
		return interval{first, first}, err
	}
	last, err := parseIndex(ends[1], completions)
	if err == nil && first >= last {
		err = fmt.Errorf("non-increasing order, previous: %d, current: %d", first, last)
	}
	return interval{first, last}, err
}

func parseIndex(text string, completions int32) (int32, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("cannot convert string to integer for index: %q", text)
	}
	if n >= int(completions) {
		return 0, fmt.Errorf("too large index: %q", text)
	}
	return int32(n), nil
}

func countIndexes(intervals []interval) (n int32) {
	for _, i := range intervals {
		n += i.last - i.first + 1
	}
	return n
}

// overlap returns the first number that is in both lists, or false. What cannot
// be read is passed over: it is reported elsewhere.
func overlap(a, b string, completions int32) (int32, bool) {
	left, right := readableIntervals(a, completions), readableIntervals(b, completions)
	for len(left) > 0 && len(right) > 0 {
		x, y := left[0], right[0]
		switch {
		case x.first <= y.last && y.first <= x.last:
			return max(x.first, y.first), true
		case x.first <= y.first:
			left = left[1:]
		default:
			right = right[1:]
		}
	}
	return 0, false
}

func readableIntervals(text string, completions int32) []interval {
	var found []interval
	for _, part := range strings.Split(text, ",") {
		if i, err := parseInterval(part, completions); err == nil {
			found = append(found, i)
		}
	}
	return found
}
