{{- define "service.deployment" -}}
{{- $database := .Values.database -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "service.name" . }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 }
  template:
    metadata:
      labels:
        {{- include "service.selector" . | nindent 8 }}
        app.kubernetes.io/part-of: {{ .Chart.Name }}
        {{- if .Values.mesh.inject }}
        weft.dev/inject: "true"
        {{- end }}
        {{- with include "service.contractHash" . }}
        weft.dev/contract: {{ . | quote }}
        {{- end }}
        {{- with .Values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ include "service.name" . }}
        {{- if .Values.mesh.kit }}
        weft.dev/kit: {{ include "service.name" . | quote }}
        {{- end }}
        {{- with .Values.mesh.interception }}
        weft.dev/interception: {{ . }}
        {{- end }}
        {{- range $name, $value := include "service.meshAnnotations" . | fromJson }}
        weft.dev/{{ $name }}: {{ $value | quote }}
        {{- end }}
        {{- with .Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      serviceAccountName: {{ include "service.name" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      securityContext:
        {{- include "service.podSecurity" . | nindent 8 }}
        {{- with .Values.image.user }}
        runAsUser: {{ . | int64 }}
        {{- end }}
      {{- with .Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .Values.initContainers }}
      initContainers: {{- tpl (toYaml .) $ | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ include "service.name" . }}
          image: {{ include "service.image" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          ports:
            - { name: app, containerPort: {{ .Values.service.targetPort }} }
          env: {{- include "service.env" . | nindent 12 }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          {{- with include "service.probes" . }}
          {{- . | nindent 10 }}
          {{- end }}
          securityContext: {{- include "service.containerSecurity" . | nindent 12 }}
          terminationMessagePolicy: FallbackToLogsOnError
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- if $database.caConfigMap }}
            - { name: database-ca, mountPath: /etc/weft/database, readOnly: true }
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 64Mi }
        {{- with $database.caConfigMap }}
        - name: database-ca
          configMap: { name: {{ . }} }
        {{- end }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: {{ $.Values.spread.whenUnsatisfiable }}
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels: {{- include "service.selector" $ | nindent 14 }}
        {{- end }}
      {{- with .Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{/* The pod's annotations for the injector. JSON. */}}
{{- define "service.meshAnnotations" -}}
{{- $all := dict -}}
{{- with .Values.database -}}
{{- if .schema -}}
{{- /* Sessions with the database are the service's own: no sidecar between, neither for a restart nor for a delay. */ -}}
{{- $_ := set $all "exclude-outbound-ports" (toString .port) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := .Values.mesh.annotations -}}
{{- if eq (toString $value) "" }}{{ $_ := unset $all $name }}{{ else }}{{ $_ := set $all $name (toString $value) }}{{ end -}}
{{- end -}}
{{ $all | toJson }}
{{- end }}

{{- define "service.env" -}}
{{- $logicalName := .Values.logicalName | default .Values.contract.name | default (include "service.name" .) -}}
- { name: WEFT_SERVICE, value: {{ $logicalName | quote }} }
{{- with include "service.contractHash" . }}
- { name: WEFT_CONTRACT, value: {{ . | quote }} }
{{- end }}
{{- if and .Values.mesh.inject (not .Values.mesh.kit) }}
{{- range $name, $value := dict "WEFT_LISTEN" (printf "127.0.0.1:%d" (int .Values.service.targetPort)) "WEFT_OUTBOUND" "127.0.0.1:15001" }}
{{- if not (hasKey $.Values.env $name) }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
{{- end }}
- { name: LOG_LEVEL, value: {{ .Values.logLevel | quote }} }
{{- if .Values.telemetry.endpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.telemetry.endpoint | quote }} }
- { name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {{ .Values.telemetry.protocol | quote }} }
- { name: OTEL_SERVICE_NAME, value: {{ $logicalName | quote }} }
{{- end }}
{{- if .Values.database.schema }}
{{ include "service.databaseEnv" . }}
{{- end }}
{{- range $name, $value := .Values.env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* How this service connects to its schema: libpq's variables, with the user and the password from its own Secret. */}}
{{- define "service.databaseEnv" -}}
{{- with .Values.database -}}
- { name: PGHOST, value: {{ required "database.host must name the server" .host | quote }} }
- { name: PGPORT, value: {{ .port | quote }} }
- { name: PGDATABASE, value: {{ required "database.name must name the database" .name | quote }} }
- { name: PGSSLMODE, value: {{ ternary "verify-full" "disable" .tls }} }
{{- if .caConfigMap }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/weft/database/ca.pem }
- { name: PGSSLROOTCERT, value: /etc/weft/database/ca.pem }
{{- end }}
{{- if .iam }}
- { name: PGUSER, value: {{ .schema }} }
- { name: WEFT_POSTGRES_AUTH, value: aws-iam }
{{- else }}
{{- $secret := include "service.databaseSecret" $ }}
- { name: PGUSER, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: username } } }
- { name: PGPASSWORD, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: password } } }
{{- end }}
{{- end -}}
{{- end }}

{{- define "service.probes" -}}
{{- $port := .Values.service.targetPort -}}
{{- if .Values.probes.override -}}
{{ toYaml .Values.probes.override }}
{{- else if ne .Values.probes.type "none" -}}
{{- $ready := dict "grpc" (dict "grpc" (dict "port" $port)) "http" (dict "httpGet" (dict "path" .Values.probes.path "port" $port)) "tcp" (dict "tcpSocket" (dict "port" $port)) -}}
{{- $ready = get $ready .Values.probes.type | toYaml -}}
# Ten minutes: it waits while its database is down, and a restart would not help.
startupProbe:
  {{- $ready | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 600
readinessProbe:
  {{- $ready | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
# Not its health check: that depends on the database, and a restart would not help.
livenessProbe:
  tcpSocket: { port: {{ $port }} }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
{{- end -}}
{{- end }}
