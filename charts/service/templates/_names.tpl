{{/* These templates take a context like a chart's own: Values of one service, Release, Chart, Files, and Images (name -> tag). */}}

{{- define "service.name" -}}
{{ .Values.name | default .Release.Name }}
{{- end }}

{{- define "service.selector" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "service.image" -}}
{{- $name := .Values.image.name | default (include "service.name" .) -}}
{{ .Values.image.registry }}/{{ $name }}:{{ .Values.image.tag | default (get .Images $name) | default .Chart.AppVersion }}
{{- end }}

{{/* Weft's own image, which creates roles and schemas and contains Node. */}}
{{- define "service.setupImage" -}}
{{- with .Values.database.setup -}}
{{ .registry }}/database-setup:{{ .tag | default (get $.Images "database-setup") | default $.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "service.databaseSecret" -}}
{{ .Values.database.secret | default (printf "%s-database" (include "service.name" .)) }}
{{- end }}

{{/* The security context of our containers; passes Pod Security "restricted". */}}
{{- define "service.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "service.podSecurity" -}}
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}
