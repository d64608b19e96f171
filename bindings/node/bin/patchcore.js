#!/usr/bin/env node
'use strict'

const { runCommandLine } = require('../native.js')

process.exitCode = runCommandLine(process.argv.slice(2))
