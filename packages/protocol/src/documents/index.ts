/** What the SDK asks of a server, of ours or of any that speaks the wire. Checked against the schema in a test. */
export const UPSERT_RUN = `mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String, $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String, $program: String, $repo: String, $jobType: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $groupName, displayName: $displayName, notes: $notes, commit: $commit, config: $config, host: $host, jobProgram: $program, jobRepo: $repo, jobType: $jobType, sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}) {
    bucket { id name displayName config historyLineCount project { id name entity { id name } } }
    inserted
  }
}`;

export const RUN_RESUME_STATUS = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id
    bucket(name: $name, missingOk: true) {
      id name summaryMetrics displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail config tags notes
    }
  }
}`;

export const CREATE_RUN_FILES = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}`;

export const REWIND_RUN = `mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, $metricValue: Float!) {
  rewindRun(input: {runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, metricValue: $metricValue}) {
    rewoundRun { id name historyLineCount }
  }
}`;

export const NOTIFY_ALERT = `mutation NotifyScriptableRunAlert($entity: String!, $project: String!, $run: String!, $title: String!, $text: String!, $severity: AlertSeverity) {
  notifyScriptableRunAlert(input: {entityName: $entity, projectName: $project, runName: $run, title: $title, text: $text, severity: $severity}) { success }
}`;

export const DOCUMENTS = { UPSERT_RUN, RUN_RESUME_STATUS, CREATE_RUN_FILES, REWIND_RUN, NOTIFY_ALERT };
