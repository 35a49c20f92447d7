#pragma once

// Lets the core's DeviceError reach Python, from the module that calls this.
void register_errors();
