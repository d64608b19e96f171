// Uploads a release with tus-js-client, breaks off in the middle, resumes, and waits until it is published.
"use strict";

const fs = require("node:fs");
const tus = require("tus-js-client");

const [url, tokenFile, archive, version] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${fs.readFileSync(tokenFile, "ascii").trim()}` };
const bytes = fs.readFileSync(archive);

function upload(options, stopAfter) {
    return new Promise((resolve, reject) => {
        const running = new tus.Upload(bytes, {
            endpoint: `${url}admin/cache/patches/uploads`,
            headers,
            chunkSize: 10000,
            retryDelays: [0, 100, 500],
            metadata: { version, notes: "By tus-js-client", filename: "release.zip" },
            ...options,
            onError: reject,
            onSuccess: () => resolve(running.url),
            onChunkComplete: (_size, accepted) => {
                if (stopAfter && accepted >= stopAfter) {
                    running.abort().then(() => resolve(running.url), reject);
                }
            },
        });
        running.start();
    });
}

async function main() {
    const place = await upload({}, 20000);
    await upload({ uploadUrl: place });
    const deadline = Date.now() + 60000;
    for (;;) {
        const state = await (await fetch(place, { headers })).json();
        if (state.state === "published") {
            console.log(`published ${version} from ${state.length} bytes`);
            return;
        }
        if (state.state === "failed" || Date.now() > deadline) {
            throw new Error(JSON.stringify(state));
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
