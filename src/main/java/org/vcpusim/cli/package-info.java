/**
 * The command line, one class a command: options in, an exit code and text out.
 *
 * <p>It must not know a rule of KVM, nor how a run is put together.
 */
@NullMarked
package org.vcpusim.cli;

import org.jspecify.annotations.NullMarked;
