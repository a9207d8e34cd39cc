package quota

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Names returns the names in a list, sorted.
func Names(list corev1.ResourceList) []corev1.ResourceName {
	return slices.Sorted(maps.Keys(list))
}

// Add returns the sums of two lists.
func Add(a, b corev1.ResourceList) corev1.ResourceList {
	sum := a.DeepCopy()
	if sum == nil {
		sum = corev1.ResourceList{}
	}
	for name, quantity := range b {
		have, ok := sum[name]
		if !ok {
			sum[name] = quantity.DeepCopy()
			continue
		}
		have.Add(quantity)
		sum[name] = have
	}
	return sum
}

// Subtract returns a without b; what is only in b is negative.
func Subtract(a, b corev1.ResourceList) corev1.ResourceList {
	negative := corev1.ResourceList{}
	for name, quantity := range b {
		minus := quantity.DeepCopy()
		minus.Neg()
		negative[name] = minus
	}
	return Add(a, negative)
}

// Mask returns what of a list has one of the names.
func Mask(list corev1.ResourceList, names []corev1.ResourceName) corev1.ResourceList {
	masked := corev1.ResourceList{}
	for _, name := range names {
		if quantity, ok := list[name]; ok {
			masked[name] = quantity.DeepCopy()
		}
	}
	return masked
}

// Equal says whether two lists have the same names and quantities.
func Equal(a, b corev1.ResourceList) bool {
	return maps.EqualFunc(a, b, func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
}

// Exceeding returns the names of what is more in used than in hard, sorted.
// What hard does not name is not limited.
func Exceeding(used, hard corev1.ResourceList) []corev1.ResourceName {
	var exceeding []corev1.ResourceName
	for _, name := range Names(used) {
		limit, limited := hard[name]
		if quantity := used[name]; limited && quantity.Cmp(limit) > 0 {
			exceeding = append(exceeding, name)
		}
	}
	return exceeding
}

// Negative returns the names of what is less than zero, sorted.
func Negative(list corev1.ResourceList) []corev1.ResourceName {
	return slices.DeleteFunc(Names(list), func(name corev1.ResourceName) bool {
		quantity := list[name]
		return quantity.Sign() >= 0
	})
}

// Text writes a list as "cpu=1,memory=1Gi", for messages.
func Text(list corev1.ResourceList) string {
	var parts []string
	for _, name := range Names(list) {
		quantity := list[name]
		parts = append(parts, string(name)+"="+quantity.String())
	}
	return strings.Join(parts, ",")
}

func withoutZeros(list corev1.ResourceList) corev1.ResourceList {
	maps.DeleteFunc(list, func(_ corev1.ResourceName, q resource.Quantity) bool { return q.IsZero() })
	return list
}
