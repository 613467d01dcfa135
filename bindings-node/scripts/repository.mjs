/** What a package's `repository` is: where its release is built, as GitHub tells its workflows. npm takes no package whose
 * provenance names another. */
const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
export const repository = GITHUB_REPOSITORY && { type: 'git', url: `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git` };
