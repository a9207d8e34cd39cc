# An autoscaler in its second form. It aims at something that the first has no field for.
POST /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers
show: metadata.generation metadata.resourceVersion spec
{"metadata": {"name": "web"}, "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 4, "metrics": [
 {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
 {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}}
=> 201 Created
metadata.generation: 1
metadata.resourceVersion: "2"
spec:
  maxReplicas: 4
  metrics:
  - pods:
      metric:
        name: hits
      target:
        averageValue: "10"
        type: AverageValue
    type: Pods
  - resource:
      name: cpu
      target:
        averageUtilization: 50
        type: Utilization
    type: Resource
  minReplicas: 1
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web

# In the first form, it is in an annotation.
GET /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web
show: metadata.resourceVersion metadata.annotations spec
=> 200 OK
metadata.annotations:
  autoscaling.alpha.kubernetes.io/metrics: '[{"type":"Pods","pods":{"metricName":"hits","targetAverageValue":"10"}}]'
metadata.resourceVersion: "2"
spec:
  maxReplicas: 4
  minReplicas: 1
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
  targetCPUUtilizationPercentage: 50

# A write in the first form is a write of the object.
PATCH /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web
Content-Type: application/merge-patch+json
show: metadata.generation metadata.resourceVersion spec
{"spec": {"targetCPUUtilizationPercentage": 60}}
=> 200 OK
metadata.generation: 2
metadata.resourceVersion: "3"
spec:
  maxReplicas: 4
  minReplicas: 1
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
  targetCPUUtilizationPercentage: 60

GET /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web
show: metadata.generation metadata.resourceVersion metadata.annotations spec
=> 200 OK
metadata.annotations: null
metadata.generation: 2
metadata.resourceVersion: "3"
spec:
  maxReplicas: 4
  metrics:
  - pods:
      metric:
        name: hits
      target:
        averageValue: "10"
        type: AverageValue
    type: Pods
  - resource:
      name: cpu
      target:
        averageUtilization: 60
        type: Utilization
    type: Resource
  minReplicas: 1
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web

# One that changes nothing is none.
PATCH /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web
Content-Type: application/merge-patch+json
show: metadata.generation metadata.resourceVersion
{"spec": {"targetCPUUtilizationPercentage": 60}}
=> 200 OK
metadata.generation: 2
metadata.resourceVersion: "3"

# What is wrong is told in the words of the second form.
PATCH /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web
Content-Type: application/merge-patch+json
show: message
{"spec": {"targetCPUUtilizationPercentage": -1}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.metrics[1].resource.target.averageUtilization
    message: 'Invalid value: -1: must be greater than 0'
    reason: FieldValueInvalid
  group: autoscaling
  kind: HorizontalPodAutoscaler
  name: web
kind: Status
message: 'HorizontalPodAutoscaler.autoscaling "web" is invalid: spec.metrics[1].resource.target.averageUtilization:
  Invalid value: -1: must be greater than 0'
metadata: {}
reason: Invalid
status: Failure

# Who applies in one form owns fields in it, and has a conflict with who writes in another.
PATCH /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web?fieldManager=ana&force=true
Content-Type: application/apply-patch+yaml
show: metadata.managedFields
{"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 5}}
=> 200 OK
metadata.managedFields:
- apiVersion: autoscaling/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:maxReplicas: {}
  manager: ana
  operation: Apply
  time: TIME
- apiVersion: autoscaling/v1
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:targetCPUUtilizationPercentage: {}
  manager: unknown
  operation: Update
  time: TIME
- apiVersion: autoscaling/v2
  fieldsType: FieldsV1
  fieldsV1:
    f:spec:
      f:minReplicas: {}
      f:scaleTargetRef:
        f:apiVersion: {}
        f:kind: {}
        f:name: {}
  manager: unknown
  operation: Update
  time: TIME

PATCH /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web?fieldManager=bob
Content-Type: application/apply-patch+yaml
{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 6}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  causes:
  - field: .spec.maxReplicas
    message: conflict with "ana"
    reason: FieldManagerConflict
kind: Status
message: 'Apply failed with 1 conflict: conflict with "ana": .spec.maxReplicas'
metadata: {}
reason: Conflict
status: Failure

# The discovery prefers the newest version.
GET /apis/autoscaling
=> 200 OK
apiVersion: v1
kind: APIGroup
name: autoscaling
preferredVersion:
  groupVersion: autoscaling/v2
  version: v2
versions:
- groupVersion: autoscaling/v2
  version: v2
- groupVersion: autoscaling/v1
  version: v1

# An event as Kubernetes' scheduler writes it.
POST /apis/events.k8s.io/v1/namespaces/default/events
show: kind note regarding
{"metadata": {"name": "web.1"}, "eventTime": "2000-01-01T00:00:00.000000Z", "type": "Warning", "reason": "FailedScheduling", "action": "Scheduling", "note": "no node",
 "regarding": {"kind": "Pod", "namespace": "default", "name": "web"}, "reportingController": "default-scheduler", "reportingInstance": "s1"}
=> 201 Created
kind: Event
note: no node
regarding:
  kind: Pod
  name: web
  namespace: default

# It is found by who reads events in their older form, under its names there.
GET /api/v1/namespaces/default/events?fieldSelector=involvedObject.name=web,reason=FailedScheduling
show: items
=> 200 OK
items:
- action: Scheduling
  eventTime: "2000-01-01T00:00:00.000000Z"
  firstTimestamp: null
  involvedObject:
    kind: Pod
    name: web
    namespace: default
  lastTimestamp: null
  message: no node
  metadata:
    creationTimestamp: TIME
    managedFields:
    - apiVersion: events.k8s.io/v1
      fieldsType: FieldsV1
      fieldsV1:
        f:action: {}
        f:eventTime: {}
        f:note: {}
        f:reason: {}
        f:regarding: {}
        f:reportingController: {}
        f:reportingInstance: {}
        f:type: {}
      manager: unknown
      operation: Update
      time: TIME
    name: web.1
    namespace: default
    resourceVersion: "5"
    uid: UID
  reason: FailedScheduling
  reportingComponent: default-scheduler
  reportingInstance: s1
  source: {}
  type: Warning

GET /apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name=web
show: items.0.note names
=> 200 OK
items.0.note: null
names:
- web.1

GET /apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=involvedObject.name=web
show: message
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'field label not supported: involvedObject.name'
metadata: {}
reason: BadRequest
status: Failure

# The newer form has rules of its own.
POST /apis/events.k8s.io/v1/namespaces/default/events
show: message
{"metadata": {"name": "web.2"}, "type": "Odd", "deprecatedCount": 3, "regarding": {"kind": "Pod", "namespace": "default", "name": "web"}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: eventTime
    message: Required value
    reason: FieldValueRequired
  - field: type
    message: 'Invalid value: "": has invalid value: Odd'
    reason: FieldValueInvalid
  - field: count
    message: 'Invalid value: "": needs to be unset'
    reason: FieldValueInvalid
  kind: Event
  name: web.2
kind: Status
message: 'Event "web.2" is invalid: [eventTime: Required value, type: Invalid value:
  "": has invalid value: Odd, count: Invalid value: "": needs to be unset]'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/events.k8s.io/v1/namespaces/default/events/web.1
Content-Type: application/merge-patch+json
show: message
{"series": {"count": 1}, "note": "other"}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: series.count
    message: 'Invalid value: "": should be at least 2'
    reason: FieldValueInvalid
  - field: series.lastObservedTime
    message: Required value
    reason: FieldValueRequired
  - field: message
    message: 'Invalid value: "other": field is immutable'
    reason: FieldValueInvalid
  kind: Event
  name: web.1
kind: Status
message: 'Event "web.1" is invalid: [series.count: Invalid value: "": should be at
  least 2, series.lastObservedTime: Required value, message: Invalid value: "other":
  field is immutable]'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/events.k8s.io/v1/namespaces/default/events/web.1
Content-Type: application/merge-patch+json
show: series note
{"series": {"count": 2, "lastObservedTime": "2000-01-01T00:00:01.000000Z"}}
=> 200 OK
note: no node
series:
  count: 2
  lastObservedTime: "2000-01-01T00:00:01.000000Z"

DELETE /api/v1/namespaces/default/events/web.1
show: status details.kind
=> 200 OK
details.kind: events
status: Success

GET /apis/events.k8s.io/v1/namespaces/default/events/web.1
show: message
=> 404 Not Found
apiVersion: v1
code: 404
details:
  group: events.k8s.io
  kind: events
  name: web.1
kind: Status
message: events.events.k8s.io "web.1" not found
metadata: {}
reason: NotFound
status: Failure
