/** What artifacts add to the schema of the wire. */
export const artifactsSdl = "";
