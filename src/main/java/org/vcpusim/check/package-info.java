/**
 * The invariants, one class each: a fold over trace records that ends in a verdict and an explanation.
 *
 * <p>It must not know the state of a component: it sees events, and nothing else. No clock, no thread, no source of
 * randomness, no logger.
 */
@NullMarked
package org.vcpusim.check;

import org.jspecify.annotations.NullMarked;
