// Shows what a client would download without loading the page anew. Without it the form does the same.
"use strict";

const form = document.querySelector("form");
const answer = document.getElementById("answer");

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = "/?" + new URLSearchParams(new FormData(form));
    answer.setAttribute("aria-busy", "true");
    try {
        const response = await fetch(address);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const nodes = page.getElementById("answer").childNodes;
        answer.replaceChildren(...[...nodes].map((node) => document.importNode(node, true)));
        history.replaceState(null, "", address);
    } catch {
        location.assign(address);
    } finally {
        answer.removeAttribute("aria-busy");
    }
});
