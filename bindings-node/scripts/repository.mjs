/** The `repository` of a package: the one whose workflow builds the release. npm rejects a package whose provenance names
 * another. */
const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
export const repository = GITHUB_REPOSITORY && { type: 'git', url: `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git` };
