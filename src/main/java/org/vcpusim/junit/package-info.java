/**
 * JUnit 5: a test method whose subject is a scenario, run in many orders.
 *
 * <p>It must not know how orders are chosen or run; it asks {@code sim} and puts the answer into words.
 */
@NullMarked
package org.vcpusim.junit;

import org.jspecify.annotations.NullMarked;
